0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 one-way to node1
2.000 candidates all
2.000 client0 at node2
2.100 client0 write r0 A
      node1 leads no more
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 7
      client0 writes r0: done
8.000 heal
       the faults stop for node2 node3
       committed to 9
       held
